# Names and values that are not known: views, sysctls, what the kernel would not take.
. "$(dirname "$0")/lib.sh"

nb show -m 2x4G zoneinf
refused "a misspelt view" "zoneinfo"
nb show -m 2x4G xyzzy
refused "an unknown view" "xyzzy"
nb show -m 2x4G zonelists xyzzy
refused "one unknown view among good ones: nothing is printed" "xyzzy"
nb show -m 2x4G node/5/meminfo
refused "a view of a node that is not there" "5"
nb show -m 2x4G node/x/meminfo
refused "a view of no node" "node/x/meminfo"
nb show -m 2x4G --sysctl vm.min_free_kbyte=1
refused "an unknown sysctl" "vm.min_free_kbyte"
nb show -m 2x4G --sysctl vm.min_free_kbytes
refused "a sysctl without a value" "="
nb show -m 2x4G --sysctl vm.min_free_kbytes=many
refused "a value that is no number" "min_free_kbytes"
nb show -m 2x4G --sysctl vm.watermark_scale_factor=0
refused "a value below the kernel's range" "watermark_scale_factor"
nb show -m 2x4G --sysctl vm.watermark_scale_factor=5000
refused "a value above the kernel's range" "3000\|1000"
nb show -m 2x4G --sysctl vm.percpu_pagelist_high_fraction=7
refused "a fraction that the kernel refuses" "percpu_pagelist_high_fraction"
nb sim -m 2x4G --sysctl vm.nonsense=1 touch 1M
refused "sim: an unknown sysctl" "vm.nonsense"
nb show -m 2x4G --sysctl vm.nonsense=1
refused "show: an unknown sysctl, and which there are" "vm.nonsense.*vm.min_free_kbytes.*vm.zone_reclaim_mode"
nb sim -m 2x4G --sysctl vm.watermark_scale_factor=0 touch 1M
refused "sim: a value below the kernel's range" "watermark_scale_factor"
done_testing
