"""The phases of the rehearsal, in their order: what is done to the cluster, and what may become of requests meanwhile."""

import time

from timeline import IN_FLIGHT, NOTHING, REFUSED

LOSS_PERCENT = 2


def nothing(cluster, seconds):
    time.sleep(seconds)


def rolling_restart(cluster, seconds):
    """Of all services, one after the other."""
    for service in cluster.every_service:
        service.restart()


def lossy_network(cluster, seconds):
    cluster.apis[0].host.lose(LOSS_PERCENT)
    time.sleep(seconds)
    cluster.apis[0].host.heal()


def kill_worker_and_publisher(cluster, seconds):
    for service in (cluster.workers[0], cluster.publishers[0]):
        service.host.kill()
    time.sleep(seconds / 2)
    for service in (cluster.workers[0], cluster.publishers[0]):
        service.start()


def lose_a_redis_node(cluster, seconds):
    host = cluster.redis.hosts[0]
    host.cut()
    time.sleep(seconds)
    host.heal()


def cut_off_the_broker(cluster, seconds):
    cluster.rabbit.host.cut()
    time.sleep(seconds)
    cluster.rabbit.host.heal()


def kill_an_api(cluster, seconds):
    cluster.apis[0].host.kill()
    time.sleep(seconds / 2)
    cluster.apis[0].start()


def cut_off_an_api(cluster, seconds):
    cluster.apis[1].host.cut()
    time.sleep(seconds)
    cluster.apis[1].host.heal()


def fail_over(cluster, seconds):
    """The worst that a failover can be: the standby is cut off for a moment, in which a primary that waits for it acknowledges nothing, and then
    the primary dies. Somebody, or something, promotes the standby."""
    cluster.standby.host.cut()
    time.sleep(1)
    cluster.primary.host.kill()
    cluster.standby.host.heal()
    cluster.standby.promote()
    cluster.primary, cluster.standby = cluster.standby, cluster.primary
    time.sleep(seconds)


def follow_again(cluster, seconds):
    """The old primary comes back as the standby of the new one."""
    cluster.standby.follow(cluster.primary, cluster.is_synchronous)
    time.sleep(seconds / 2)


def fail_over_by_cut(cluster, seconds):
    """The primary lives and is cut off: it can acknowledge nothing, for its standby is out of reach, and so there are never two."""
    cut = cluster.primary
    cut.host.cut()
    time.sleep(1)
    cluster.standby.promote()
    cluster.primary, cluster.standby = cluster.standby, cluster.primary
    time.sleep(seconds)
    cut.host.kill()
    cut.host.heal()


SHORT = [
    ("calm", NOTHING, nothing),
    ("rolling restart of all services", NOTHING, rolling_restart),
    (f"one API's network loses {LOSS_PERCENT} % of its packets", NOTHING, lossy_network),
    ("a worker and a publisher are killed", NOTHING, kill_worker_and_publisher),
    ("an API is cut off, and comes back", IN_FLIGHT, cut_off_an_api),
    ("the standby is cut off, the primary dies, the standby takes over", REFUSED, fail_over),
    ("calm", NOTHING, nothing),
]
WHOLE = [
    *SHORT[:4],
    ("a Redis node is cut off, and comes back", NOTHING, lose_a_redis_node),
    ("the broker is cut off, and comes back", NOTHING, cut_off_the_broker),
    ("an API is killed, and started again", IN_FLIGHT, kill_an_api),
    *SHORT[4:6],
    ("the old primary follows the new one", NOTHING, follow_again),
    ("the new primary is cut off, the old one takes over", REFUSED, fail_over_by_cut),
    ("calm", NOTHING, nothing),
]
