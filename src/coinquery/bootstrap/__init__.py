"""What a region needs once, brought there in steps that are safe to repeat."""
