"""What calls cost: usage read, prices chosen, bills made."""
