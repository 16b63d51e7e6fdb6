"""The inventory: what is free, held and sold, decided by Redis in Lua, one verb a script.

`rush.Inventory` is the async side with the verbs of the rush, `keeper.Keeper` the sync side with the
verbs of those who keep the sale. Both speak the same scripts through `protocol`.
"""
