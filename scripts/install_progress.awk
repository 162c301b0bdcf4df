# One progress line out of pip's many: what it is fetching, then that it is unpacking.
/^Collecting |^Processing / { found++; name = $2; sub(/.*\//, "", name); sub(/[=<>~!;-].*/, "", name)
  printf "\r  %3d packages found, now %-32.32s", found, name; fflush() }
/^Installing collected/ { printf "\r  %3d packages found; unpacking them (a minute or two) ...        ", found; fflush() }
/^ERROR/ { print "\n  " $0 }
/^Successfully installed/ { print "\n  Installed." }
