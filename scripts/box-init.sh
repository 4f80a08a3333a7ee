#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-or-later
# First process of the box: mounts, modules, network, then the agent in its place. A line
# that begins with BOX- on the console is a word for the box's supervisor outside.
set -e
fail() { echo "BOX-FAILED $1" >/dev/console; /bin/busybox poweroff -f; }
trap 'fail "in /init, after: $at"' EXIT

at=applets
/bin/busybox --install -s /bin
export PATH=/opt:/bin:/usr/bin:/sbin HOME=/root

at=mounts
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t tmpfs -o mode=1777 tmpfs /tmp
ln -s /proc/self/fd /dev/fd
hostname box

at=modules
for module in kvm fsm ccwgroup ctcm; do
	at="insmod $module"
	insmod /lib/modules/$module.ko
done

at=network # the kernel hands box_mtu of its command line on in the environment
ifconfig lo 127.0.0.1 up
echo 0.0.0e20,0.0.0e21 >/sys/bus/ccwgroup/drivers/ctcm/group
device=/sys/bus/ccwgroup/devices/0.0.0e20
echo 1 >$device/online
set -- $device/net/*
interface=${1##*/}
ifconfig "$interface" 192.168.200.2 pointopoint 192.168.200.1 netmask 255.255.255.255 \
	mtu "${box_mtu:?}" up

at=prime
box-prime

trap - EXIT
unset box_mtu at device interface module
exec box-agent 2300
