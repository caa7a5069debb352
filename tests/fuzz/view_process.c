/* view_process.c -- fuzz target: numa_maps, smaps, and numastat's table of a process. */
#include "view/numa_maps.h"
#include "view/smaps.h"
#include "view_form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FORM_IDENTITY(nb_numa_maps, nb_numa_maps_parse, nb_numa_maps_print, nb_numa_maps_json,
		      nb_numa_maps_release);
	FORM_IDENTITY(nb_smaps, nb_smaps_parse, nb_smaps_print, nb_smaps_json, nb_smaps_release);
	FORM_STABLE(nb_numastat_pid, nb_numastat_pid_parse, nb_numastat_pid_print,
		    nb_numastat_pid_json, nb_numastat_pid_release);
	return 0;
}
