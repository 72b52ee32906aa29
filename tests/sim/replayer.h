/* replayer.h: somebody who replays the database while everybody works on it, and is not always let finish. */
#pragma once

struct world;

/* A replay: whole, with others at work in the middle of it; or one that is interrupted, and keeps everybody from writing until the next. */
void replayer_step(struct world *world);
/* Ends well what was interrupted, if anything was. */
void replayer_finish(struct world *world);
