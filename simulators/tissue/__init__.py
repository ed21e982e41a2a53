"""Tissue: who needs how much blood, through which capillaries, and what label does there."""
