/* api.c: makes what the handlers work with. */
#include "http/api.h"

#include <assert.h>
#include <stdlib.h>

static enum error loop_init(struct api_loop *loop, const struct api_options *options)
{
	struct jwt_verifier_options jwt = options->jwt;
	jwt.seed = (struct hash_seed){.k0 = random_u64(options->random), .k1 = random_u64(options->random)};
	loop->limited.seed = (struct hash_seed){.k0 = random_u64(options->random), .k1 = random_u64(options->random)};
	enum error error = digest_init(&loop->digest);
	if (error == OK)
		error = jwt_verifier_new(&jwt, &loop->jwt);
	if (error == OK)
		error = callback_verifier_new(options->payment_secrets, options->payment_secret_count, &loop->callback);
	return error;
}

enum error api_new(const struct api_options *options, struct api **ret_api)
{
	assert(options != NULL && options->loops > 0 && options->ready != NULL && options->metrics != NULL);
	assert(options->has_started != NULL && options->silent_lane != NULL);
	assert(options->service == NULL || (options->seats_per_hold_max >= 1 && options->seats_per_hold_max <= SEATS_PER_HOLD_LIMIT));
	struct api *api = calloc(1, sizeof *api);
	if (api == NULL)
		return ERR_NO_MEMORY;
	api->options = *options;
	api->loops = calloc(options->loops, sizeof *api->loops);
	enum error error = api->loops == NULL ? ERR_NO_MEMORY : OK;
	for (uint32_t i = 0; error == OK && options->service != NULL && i < options->loops; i++)
		error = loop_init(&api->loops[i], options);
	if (error != OK) {
		api_free(api);
		return error;
	}
	*ret_api = api;
	return OK;
}

void api_free(struct api *api)
{
	if (api == NULL)
		return;
	for (uint32_t i = 0; api->loops != NULL && i < api->options.loops; i++) {
		jwt_verifier_free(api->loops[i].jwt);
		callback_verifier_free(api->loops[i].callback);
		digest_release(&api->loops[i].digest);
	}
	free(api->loops);
	free(api);
}
