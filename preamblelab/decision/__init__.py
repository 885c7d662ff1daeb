"""What to do: effects to policies and verdicts; pure."""
