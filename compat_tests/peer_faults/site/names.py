"""How many channels a layer takes for members of a group, wherever it keeps them."""


async def count(layer, group):
    """Return the numbers `own`, kept in this process, and `shared`, kept by all together.

    `seconds` is how long the shared ones are kept at most.
    """
    counts = {"RedisChannelLayer": core, "RedisPubSubChannelLayer": pubsub}
    found = await counts.get(type(layer).__name__, ours)(layer, group)
    return {"own": 0, "shared": 0, "seconds": 0, **found}


async def core(layer, group):
    key = layer._group_key(group)
    connection = layer.connection(layer.consistent_hash(group))
    return {"shared": await connection.zcard(key), "seconds": max(0, await connection.ttl(key))}


async def pubsub(layer, group):
    groups = layer._get_layer().groups
    return {"own": len(groups.get(f"asgi__group__{group}", ()))}


async def ours(layer, group):
    return {"own": layer.group_sizes().get(group, 0)}
