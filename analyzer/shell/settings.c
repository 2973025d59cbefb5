/* The style of values: what was set, and what the command's words say. */
#include "analyzer/shell/settings.h"

static unsigned capped(uint64_t n)
{
	return n < UINT32_MAX ? (unsigned)n : UINT32_MAX;
}

struct value_style value_style_get(const struct cx *cx, const struct args *a)
{
	const struct settings *set = session_settings(cx->session);
	return (struct value_style){
		.hex = !args_flag(a, 'd') && (args_flag(a, 'x') || set->hex),
		.max_elements = set->max_elements,
	};
}

struct err *value_style_read(const struct cx *cx, const struct args *a, struct value_style *ret)
{
	struct value_style style = value_style_get(cx, a);
	uint64_t depth, elements;
	struct err *err = args_option_uint(a, 'D', 0, &depth);
	if (!err)
		err = args_option_uint(a, 'e', style.max_elements, &elements);
	if (err)
		return err;
	style.max_depth = capped(depth);
	style.max_elements = capped(elements);
	*ret = style;
	return NULL;
}
