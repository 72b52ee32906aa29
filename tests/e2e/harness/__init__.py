"""What the black-box suites stand on: starting real servers, talking HTTP to them, holding answers to api/openapi.yaml."""
