"""Rules about what runs where, CB301 to CB306: containers, users, replicas, proxies.

- ``senders``: whether the project's code sends to groups outside of consumers.
- ``containers``: what compose files and Kubernetes' manifests run. ``process_lines``: Procfiles.
- ``kept_apart``: users and file systems that keep processes apart. ``nginx``: proxies in front.
- ``redis_use``: what Redis is used for. ``topology_rules``: what is looked for.
"""
