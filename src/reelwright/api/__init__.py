"""The studio over HTTP: parse, authorise, call one service, answer."""
