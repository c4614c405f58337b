"""Do generated images cover their class, or do they collapse or copy?"""
