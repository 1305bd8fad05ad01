"""The difference engine: one description of a scenario, run on Channels' servers and on ours.

scenarios/   what an application does, what its client does, and where ours may differ
site/        the Django project that serves every scenario's application under its name
recording    what happened inside of a server: events, scope, log records
client       a client that sees everything, and can misbehave
peers        Daphne, uvicorn and ``websockets_server`` with 1 worker and 2, on that project
run          all scenarios on all servers, at once; the outcomes are data
verdict      compares outcomes: the same, the better of the two, or different on purpose
coverage     which scenario or test covers each numbered behaviour of Channels and its servers
"""
