"""The course around `attend`: its chapters, what they are made with, and the site."""
