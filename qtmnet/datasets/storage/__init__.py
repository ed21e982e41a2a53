"""Where datasets lie: folders and object stores."""
