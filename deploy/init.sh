#!/bin/sh
# First process of the image: measured like everything else in it. Nothing comes from outside.
set -eu
export PYTHONPATH=/opt/opengradient/site-packages
mkdir -p /var/lib/opengradient
if [ -e /etc/opengradient/bridge.args ]; then
    cat /etc/opengradient/hosts >> /etc/hosts
    # shellcheck disable=SC2046
    python3 -s -B -m reference_nodes._kit.vsock_bridge $(cat /etc/opengradient/bridge.args) &
fi
# The settings replace the environment: whoever starts the image cannot add to them.
# shellcheck disable=SC2046
exec env -i PATH="$PATH" PYTHONPATH="$PYTHONPATH" $(cat /etc/opengradient/node.env) \
    python3 -s -B -m reference_nodes.llm_proxy_node
