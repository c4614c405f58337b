"""How often to vary: simulated rarity, candidates, the rule that decides."""
