"""The published data sets, one file each: what its files hold, and how they are read."""
