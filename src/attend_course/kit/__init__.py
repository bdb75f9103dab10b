"""What chapters are made with: explorers, figures, checks of exercises."""
