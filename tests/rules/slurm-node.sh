#!/usr/bin/env bash
# A Slurm of one node for the tests: munged, slurmctld and slurmd, without systemd, cgroups or accounting. As root, on Debian:
#
#     apt-get install -y --no-install-recommends slurm-wlm munge
#     tests/rules/slurm-node.sh up [FOLDER]        FOLDER: its state and logs; CPUS=4 GPUS=2, CPUs may be more than there are
#     tests/rules/slurm-node.sh down [FOLDER]
#
# Two partitions: `gpu`, the default, and `urgent`, whose jobs take the place of those of `gpu`, which are queued again. GPUs are
# stand-ins: Slurm asks for character devices, and any will do.
set -euo pipefail
what=${1:?up or down}
state=${2:-/tmp/metalingua-slurm}
config=/etc/slurm

down() {
    for daemon in slurmd slurmctld munged; do
        [ -f "$state/$daemon.pid" ] && kill "$(cat "$state/$daemon.pid")" 2>/dev/null || true
    done
    grep -qs "^# metalingua's tests" "$config/slurm.conf" && rm -f "$config/slurm.conf" "$config/gres.conf" || true
}

up() {
    if [ -e "$config/slurm.conf" ] && ! grep -q "^# metalingua's tests" "$config/slurm.conf"; then
        echo "$config/slurm.conf: there is a Slurm already" >&2
        exit 1
    fi
    local node cpus=${CPUS:-4} gpus=${GPUS:-2} memory
    node=$(hostname -s)
    memory=$(awk '/^MemTotal/ {print int($2 / 1024) - 512}' /proc/meminfo)
    mkdir -p "$config" "$state"/{control,node,devices,logs}
    head -c 1024 /dev/urandom >"$state/munge.key" && chmod 600 "$state/munge.key"
    for ((i = 0; i < gpus; i++)); do
        [ -c "$state/devices/gpu$i" ] || mknod "$state/devices/gpu$i" c 1 3
    done
    # In /etc/slurm, since what Snakemake starts in a job is not told of another place.
    cat >"$config/slurm.conf" <<END
# metalingua's tests
ClusterName=tests
SlurmctldHost=$node(127.0.0.1)
SlurmUser=root
SlurmdUser=root
SlurmctldPort=16827
SlurmdPort=16828
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$state/munge.socket
StateSaveLocation=$state/control
SlurmdSpoolDir=$state/node
SlurmctldPidFile=$state/slurmctld.pid
SlurmdPidFile=$state/slurmd.pid
SlurmctldLogFile=$state/logs/slurmctld.log
SlurmdLogFile=$state/logs/slurmd.log
MailProg=/bin/true
MpiDefault=none
SwitchType=switch/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=500
GresTypes=gpu
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=2,sched_interval=2
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
KillWait=20
ReturnToService=2
MinJobAge=3600
SlurmdParameters=config_overrides
NodeName=$node NodeAddr=127.0.0.1 CPUs=$cpus Sockets=1 CoresPerSocket=$cpus ThreadsPerCore=1 RealMemory=$memory Gres=gpu:$gpus State=UNKNOWN
PartitionName=gpu Nodes=$node Default=YES PriorityTier=1 MaxTime=INFINITE State=UP
PartitionName=urgent Nodes=$node PriorityTier=10 PreemptMode=OFF MaxTime=INFINITE State=UP
END
    printf 'AutoDetect=off\nNodeName=%s Name=gpu Flags=nvidia_gpu_env File=%s/devices/gpu[0-%d]\n' \
        "$node" "$state" "$((gpus - 1))" >"$config/gres.conf"
    munged --force --key-file="$state/munge.key" --socket="$state/munge.socket" --pid-file="$state/munged.pid" \
        --log-file="$state/logs/munged.log" --seed-file="$state/munged.seed" --num-threads=2
    slurmctld -c
    slurmd -N "$node"
    for _ in $(seq 100); do
        sinfo -h -o %T 2>/dev/null | grep -q idle && exec sinfo -N -l
        sleep 0.2
    done
    echo "no node is idle after 20 s; $state/logs says why" >&2
    exit 1
}

"$what"
