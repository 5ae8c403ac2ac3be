#!/bin/bash
# login.sh DOMAIN: boots a guest, waits for its login on the serial line and on the
# screen, logs in by its keyboard, runs a command, reads what it says, shuts it down.
# The two PNG files were cut out of screenshots of it. VIRTMUX_HOST names the host.
set -euo pipefail
domain=$1
pieces=$(dirname "$0")

virtmux start "$domain"
virtmux wait-serial "$domain" 'login: $' --timeout 3m
virtmux wait-screen "$domain" --match "$pieces/login.png" --anywhere --timeout 3m
virtmux type "$domain" 'root\n'
virtmux wait-screen "$domain" --match "$pieces/prompt.png" --anywhere --timeout 1m
# shellcheck disable=SC2016 # the guest's shell expands it
virtmux type "$domain" 'echo "kernel: $(uname -r);" >/dev/ttyS0\n'
heard=$(virtmux wait-serial "$domain" 'kernel: .*;' --timeout 1m)
heard=${heard##*kernel: }
echo "The guest runs Linux ${heard%;*}"
virtmux shutdown "$domain"
until virtmux list --name --state-shutoff | grep -qx "$domain"; do sleep 0.5; done
