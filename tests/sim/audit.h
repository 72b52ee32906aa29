/* audit.h: looks at the whole database when nobody is at work: is it what the model says, and do the events alone say the same? */
#pragma once

struct world;

void audit(struct world *world);
