/* limits.h: the greatest sizes of what the domain holds. Configuration may ask for less, never for more. */
#pragma once

#define SEATS_PER_HOLD_LIMIT 100    /* seats of one hold or order */
#define SEAT_LABEL_LENGTH_MAX 63    /* bytes of "SECTION-ROW-NUMBER" */
#define SHORT_TEXT_LENGTH_MAX 128   /* bytes of a user or transaction id */
#define SEATS_PER_EVENT_MAX 1000000 /* seats of one event */
#define SECTIONS_PER_EVENT_MAX 1000
#define REFUNDS_PER_PAYMENT_MAX 2                             /* an overpayment, and the rest when the event is cancelled */
#define EVENTS_PER_COMMAND_MAX (2 * SEATS_PER_HOLD_LIMIT + 3) /* a command may end one lapsed hold or order for each seat it takes */
