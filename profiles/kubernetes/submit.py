#!/usr/bin/env python3
"""Send a job to Kubernetes: one pod that runs Snakemake's script, with the volume where it lies here. Prints the job's name."""

import argparse
import json
import subprocess
import sys
from typing import Any


def manifest(job: argparse.Namespace) -> dict[str, Any]:
    """Return what `kubectl create` is given."""
    asked = {"cpu": str(job.cpus), "memory": f"{job.memory}Mi"} | ({job.gpu: str(job.gpus)} if job.gpus else {})
    container = {
        "name": "job",
        "image": job.image,
        "command": ["sh", job.script],
        "resources": {"requests": asked, "limits": asked},
        "volumeMounts": [{"name": "project", "mountPath": job.mount}],
    }
    volume = {"name": "project", "persistentVolumeClaim": {"claimName": job.claim}}
    labels = {"app": "metalingua"}
    pod = {"restartPolicy": "Never", "containers": [container], "volumes": [volume]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"generateName": "metalingua-", "labels": labels},
        "spec": {
            "backoffLimit": 0,  # Snakemake sends it again
            "activeDeadlineSeconds": job.minutes * 60,
            "ttlSecondsAfterFinished": 24 * 3600,
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def main() -> None:
    """Parse the command line and send the job."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", required=True)
    parser.add_argument("--claim", required=True, help="the PersistentVolumeClaim of the volume, ReadWriteMany")
    parser.add_argument("--mount", required=True, help="where the volume lies, here and in the pod")
    parser.add_argument("--cpus", type=int, required=True)
    parser.add_argument("--memory", type=int, required=True, help="MiB")
    parser.add_argument("--minutes", type=int, required=True)
    parser.add_argument("--gpus", type=int, required=True)
    parser.add_argument("--gpu", default="nvidia.com/gpu", help="what the cluster calls a GPU")
    parser.add_argument("script", help="Snakemake's script of the job")
    job = parser.parse_args()
    command = ["kubectl", "create", "-f", "-", "-o", "name"]
    sent = subprocess.run(command, input=json.dumps(manifest(job)), stdout=subprocess.PIPE, text=True, check=False)
    if sent.returncode:
        raise SystemExit(sent.returncode)  # kubectl has said why
    print(sent.stdout.strip().rpartition("/")[2])


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main()
