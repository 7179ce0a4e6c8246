"""The vendors' APIs, simulated here: their shapes, states, errors, delays and limits, and real small media as outputs.

`behaviour` says how fast they are and what goes wrong, `desk` remembers jobs and money in a file, `media` makes outputs,
`simulator` is what all vendors do alike, `serving` puts them on a port; then there is one file a vendor.
"""
