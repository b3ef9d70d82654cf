# Fault addresses, bounds that the engine checks, moves, the host's limits, and what a call costs.

topic(find.c)
topic(find_random.c)
topic(find_bare.c)
topic(find_storm.c LABELS threads)
topic(checked.c LABELS threads)
topic(moving.c)
topic(map_limit.c LABELS host-limits)
