"""The pages: the same engine as the JSON routes, rendered on the server, at work with JavaScript off.

`application.create_pages` is what `ticketing.api` mounts.
"""
