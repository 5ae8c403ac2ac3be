/*
 * Storage pools: the handlers of pool.*. Each turns its parameters into one verb of
 * daemon/virt/storage.h; those that change something share one answer, the pool
 * that it was.
 */
#include "daemon/ops/room.h"
#include "daemon/virt/storage.h"

static unsigned flag(bool given, unsigned bit)
{
	return given ? bit : 0;
}

/* 0 where FILTER was not given. */
static unsigned either(bool given, bool value, unsigned yes, unsigned no)
{
	return given ? (value ? yes : no) : 0;
}

/* -- changes -------------------------------------------------------------- */

static void on_acted(void *context, struct virt_reply *reply)
{
	const struct virt_pool *pool = reply->value.noun.data;
	struct pool_ref result;

	if (!ops_succeeded(context, reply))
		return;
	call_set_target(context, pool->uuid, pool->name);
	result = (struct pool_ref){.uuid = ops_borrow(pool->uuid),
				   .name = pool->name};
	call_return(context, &result);
}

static void act(struct call *call, enum virt_pool_action action,
		const char *pool, unsigned flags)
{
	autoerror err = {0};

	ops_submitted(call,
		      virt_pool_act(ops_virt(call), action, pool, flags,
				    ops_then(call, on_acted), &err),
		      &err);
}

/* False: CALL has failed, since both were given. */
static bool overwrite_flags(struct call *call, bool overwrite,
			    bool no_overwrite, unsigned *flags)
{
	autoerror err = {0};

	*flags |= flag(overwrite, VIRT_POOL_OVERWRITE) |
		  flag(no_overwrite, VIRT_POOL_NO_OVERWRITE);
	if (!overwrite || !no_overwrite)
		return true;
	error_set(&err, ERROR_INVALID_PARAMS,
		  "overwrite and no_overwrite contradict each other: give one "
		  "of them");
	call_fail(call, &err);
	return false;
}

void op_pool_autostart(struct call *call, const struct pool_autostart_params *p)
{
	act(call, VIRT_POOL_DO_AUTOSTART, p->pool,
	    flag(p->disable, VIRT_POOL_DISABLE));
}

void op_pool_build(struct call *call, const struct pool_build_params *p)
{
	unsigned flags = 0;

	if (overwrite_flags(call, p->overwrite, p->no_overwrite, &flags))
		act(call, VIRT_POOL_DO_BUILD, p->pool, flags);
}

void op_pool_delete(struct call *call, const struct pool_delete_params *p)
{
	act(call, VIRT_POOL_DO_DELETE, p->pool, 0);
}

void op_pool_destroy(struct call *call, const struct pool_destroy_params *p)
{
	act(call, VIRT_POOL_DO_DESTROY, p->pool, 0);
}

void op_pool_refresh(struct call *call, const struct pool_refresh_params *p)
{
	act(call, VIRT_POOL_DO_REFRESH, p->pool, 0);
}

void op_pool_start(struct call *call, const struct pool_start_params *p)
{
	unsigned flags = flag(p->build, VIRT_POOL_BUILD);

	if (overwrite_flags(call, p->overwrite, p->no_overwrite, &flags))
		act(call, VIRT_POOL_DO_START, p->pool, flags);
}

void op_pool_undefine(struct call *call, const struct pool_undefine_params *p)
{
	act(call, VIRT_POOL_DO_UNDEFINE, p->pool, 0);
}

void op_pool_define(struct call *call, const struct pool_define_params *p)
{
	autoerror err = {0};

	ops_submitted(call,
		      virt_pool_define(ops_virt(call), p->xml,
				       flag(p->validate, VIRT_POOL_VALIDATE),
				       ops_then(call, on_acted), &err),
		      &err);
}

void op_pool_create(struct call *call, const struct pool_create_params *p)
{
	unsigned flags = flag(p->build, VIRT_POOL_BUILD);
	autoerror err = {0};

	if (!overwrite_flags(call, p->overwrite, p->no_overwrite, &flags))
		return;
	ops_submitted(call,
		      virt_pool_create(ops_virt(call), p->xml, flags,
				       ops_then(call, on_acted), &err),
		      &err);
}

/* -- what pools are ------------------------------------------------------- */

static enum pool_state pool_state(enum virt_pool_state state)
{
	static const enum pool_state states[] = {
		[VIRT_POOL_INACTIVE] = POOL_STATE_INACTIVE,
		[VIRT_POOL_BUILDING] = POOL_STATE_BUILDING,
		[VIRT_POOL_RUNNING] = POOL_STATE_RUNNING,
		[VIRT_POOL_DEGRADED] = POOL_STATE_DEGRADED,
		[VIRT_POOL_INACCESSIBLE] = POOL_STATE_INACCESSIBLE,
	};

	return (size_t)state < array_size(states) ? states[state]
						  : POOL_STATE_INACCESSIBLE;
}

static struct pool_info describe(const struct virt_pool *pool)
{
	return (struct pool_info){
		.uuid = ops_borrow(pool->uuid),
		.name = pool->name,
		.state = pool_state(pool->state),
		.capacity = pool->capacity,
		.allocation = pool->allocation,
		.available = pool->available,
		.persistent = pool->persistent,
		.autostart = pool->autostart,
	};
}

static void on_info(void *context, struct virt_reply *reply)
{
	struct pool_info result;

	if (!ops_succeeded(context, reply))
		return;
	result = describe(reply->value.noun.data);
	call_return(context, &result);
}

void op_pool_info(struct call *call, const struct pool_info_params *p)
{
	autoerror err = {0};

	ops_submitted(call,
		      virt_pool_info(ops_virt(call), p->pool,
				     ops_then(call, on_info), &err),
		      &err);
}

static void on_list(void *context, struct virt_reply *reply)
{
	const struct virt_pool_list *list = reply->value.noun.data;
	autofree struct pool_info *rows = NULL;
	struct pool_list result;
	autoerror err = {0};

	if (!ops_succeeded(context, reply))
		return;
	rows = calloc(list->count + 1, sizeof(*rows));
	if (!rows) {
		error_set_no_memory(&err);
		call_fail(context, &err);
		return;
	}
	for (size_t i = 0; i < list->count; i++)
		rows[i] = describe(&list->rows[i]);
	result = (struct pool_list){.pools = rows, .pools_count = list->count};
	call_return(context, &result);
}

void op_pool_list(struct call *call, const struct pool_list_params *p)
{
	unsigned filter = either(p->has_active, p->active, VIRT_POOLS_ACTIVE,
				 VIRT_POOLS_INACTIVE) |
			  either(p->has_persistent, p->persistent,
				 VIRT_POOLS_PERSISTENT, VIRT_POOLS_TRANSIENT) |
			  either(p->has_autostart, p->autostart,
				 VIRT_POOLS_AUTOSTART, VIRT_POOLS_NO_AUTOSTART);
	autoerror err = {0};

	/* pool_type has the order of the filter's bits. */
	for (size_t i = 0; i < p->type_count; i++)
		filter |= (unsigned)VIRT_POOLS_TYPE << p->type[i];
	ops_submitted(call,
		      virt_pool_list(ops_virt(call), filter,
				     ops_then(call, on_list), &err),
		      &err);
}

static void on_xml(void *context, struct virt_reply *reply)
{
	const struct virt_storage_xml *xml = reply->value.noun.data;
	struct pool_xml_text result;

	if (!ops_succeeded(context, reply))
		return;
	result = (struct pool_xml_text){.uuid = ops_borrow(xml->uuid),
					.name = xml->pool,
					.xml = xml->xml};
	call_return(context, &result);
}

void op_pool_xml(struct call *call, const struct pool_xml_params *p)
{
	autoerror err = {0};

	ops_submitted(call,
		      virt_pool_xml(ops_virt(call), p->pool, p->inactive,
				    ops_then(call, on_xml), &err),
		      &err);
}
