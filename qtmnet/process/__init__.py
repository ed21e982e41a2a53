"""This process: its command line, its console, its rank among others, and what it runs."""
