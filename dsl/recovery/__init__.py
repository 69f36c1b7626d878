"""Reading of files with mistakes of form; `mending.recover` is the way in, and a clean file needs none of it."""
