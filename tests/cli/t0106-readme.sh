# What README.md shows is what the commands print.
command -v python3 >/dev/null 2>&1 || { echo "1..0 # SKIP no python3"; exit 0; }
exec python3 "$SOURCE_ROOT/tools/readme.py" "$NUMABOX"
