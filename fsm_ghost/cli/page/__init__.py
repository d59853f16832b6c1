"""The page: one file for browsers, which shows a running migration and needs nothing from anywhere else."""
