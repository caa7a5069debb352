/* check.c -- the checker finds every kind of damage. */
#include "allocbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

static struct allocbox box;

/* Damage and what undoes it; `on` chooses. The box has allocated "M4 M0 K9 -0". */
static void damage(unsigned kind, bool on, struct nb_zone *z)
{
	struct nb_page *map = z->mem_map;
	uint32_t sign = on ? 1 : (uint32_t)-1;
	struct nb_pcp *pcp = nb_zone_pcp(z, 0);

	switch (kind) {
	case 0: /* counters */
		z->nr_free_pages += sign == 1 ? 1 : UINT64_MAX;
		break;
	case 1:
		z->free_area[10].nr_free += on ? 1 : UINT64_MAX;
		break;
	case 2:
		z->free_area[10].nr_free_type[NB_MIGRATE_MOVABLE] += on ? 1 : UINT64_MAX;
		break;
	case 3:
		z->free_mask[NB_MIGRATE_MOVABLE] ^= 1u << 10;
		break;
	case 4:
		pcp->count += on ? 1 : -1;
		break;
	case 5: /* a page that is lost */
		map[nb_page_dense(map, nb_link_page(map, pcp->list[1].first))].flags ^= PG_PCP;
		break;
	case 6: /* links */
		nb_link_page(map, z->free_area[10].free_list[NB_MIGRATE_MOVABLE].first)->prev +=
			sign;
		break;
	case 7:
		z->free_area[10].free_list[NB_MIGRATE_MOVABLE].last += sign;
		break;
	case 8: /* a head inside another block */
		map[2048 + 100].flags ^= PG_ALLOCATED | z->page_bits;
		break;
	case 9: /* an extent that is too long */
		nb_link_page(map, z->free_area[10].free_list[NB_MIGRATE_MOVABLE].first)->index ^=
			64;
		break;
	case 10: /* a wrong order */
		nb_link_page(map, z->free_area[9].free_list[NB_MIGRATE_UNMOVABLE].first)->flags ^=
			1;
		break;
	case 11: /* a set's link */
		nb_link_page(map, pcp->list[1].first)->prev += sign;
		break;
	default:
		z->managed_pages += on ? 1 : UINT64_MAX;
	}
}

static void finds_damage(void **state)
{
	struct nb_error err;

	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-8ffffff",
						    .facts = "0 DMA32 32768"});
	struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_DMA32);

	allocbox_run(&box, "M4 M0 K8 -0");
	allocbox_check(&box);
	for (unsigned kind = 0; kind <= 12; kind++) {
		damage(kind, true, z);
		memset(&err, 0, sizeof(err));
		if (nb_system_check(box.sys, &err) != -NB_EIO || !err.text[0])
			fail_msg("damage %u was not found", kind);
		damage(kind, false, z);
		allocbox_check(&box);
	}
	allocbox_end(&box);
}

/* Two free buddies side by side: lists that are not well formed, though all counts are right. */
static void finds_unmerged_buddies(void **state)
{
	struct nb_error err = {0};

	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-8ffffff",
						    .facts = "0 DMA32 32768"});
	struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_DMA32);

	nb_zone_lock(z, 0);
	struct nb_page *p = nb_rmqueue_smallest(z, 9, NB_MIGRATE_MOVABLE);

	nb_free_list_add(z, p, 8, NB_MIGRATE_MOVABLE, false);
	nb_free_list_add(z, p + 256, 8, NB_MIGRATE_MOVABLE, false);
	nb_account_free(z, NB_MIGRATE_MOVABLE, 512);
	nb_zone_unlock(z);
	assert_int_equal(nb_system_check(box.sys, &err), -NB_EIO);
	assert_non_null(strstr(err.text, "buddy"));
	nb_zone_lock(z, 0);
	p = nb_free_list_take(z, 8, NB_MIGRATE_MOVABLE);
	nb_account_free(z, NB_MIGRATE_MOVABLE, -256);
	nb_free_one_page(z, p, 8, NB_MIGRATE_MOVABLE, NB_FPI_NONE);
	nb_zone_unlock(z);
	allocbox_check(&box);
	allocbox_end(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_damage),
		cmocka_unit_test(finds_unmerged_buddies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
