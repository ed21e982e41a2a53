"""How a scan was labeled and read, from the fields of its sidecar."""
