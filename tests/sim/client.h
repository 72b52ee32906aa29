/* client.h: people and their programs: they buy, change their minds, pay late, pay twice, and ask again when they hear nothing. */
#pragma once

#include <stdint.h>

struct process;
struct world;

/* Somebody asks for something, of some process. */
void client_act(struct world *world);
/* Somebody asks of this process for something that the deadline of a live hold or order decides. */
void client_act_on_hold(struct world *world, uint16_t number, struct process *process);
void client_act_on_order(struct world *world, uint16_t number, struct process *process);
