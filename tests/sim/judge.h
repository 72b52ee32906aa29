/* judge.h: compares the service with the model, at the moment of each outcome. A difference ends the run.
 *
 * A success counts at its commit, the moment from which everybody sees it, and must equal the model's outcome then. A refusal changes
 * nothing: it must have been right at some moment between the request's arrival and its answer. */
#pragma once

#include "state/changes.h"
#include "tests/sim/process.h"

struct world;
struct attempt;

/* The database has just taken these changes, made of the process's current batch. */
void judge_commit(struct world *world, struct process *process, const struct changes *changes);
/* The process has answered. */
void judge_answer(struct world *world, struct process *process, struct attempt *attempt);
/* The process has died with it: nobody is answered. */
void judge_loss(struct world *world, struct attempt *attempt);
