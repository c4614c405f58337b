"""Does the generator help, did it collapse, how often to vary? One room a question.

docs/architecture.md has the rooms, and which of them knows which.
"""
