"""How is a name compared that may stand in another script, another order or another spelling?"""
