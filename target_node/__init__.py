"""The bundled ZAB node: the standard library only."""
