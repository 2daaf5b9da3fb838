# SPDX-License-Identifier: GPL-2.0-or-later
"""The images that engines load: made from the OCI layout that hull brings along, as archives that all of them take in."""
import gzip
import hashlib
import io
import json
import tarfile

IMAGE = "localhost/clients/busybox:1"
PAUSE = "localhost/clients/pause:1"


def _read(layout, descriptor):
    with open(f"{layout}/blobs/{descriptor['digest'].replace(':', '/')}", "rb") as file:
        return file.read()


def _first_image(layout):
    """(config, layers unpacked) of the layout's only image."""
    with open(f"{layout}/index.json", "rb") as file:
        manifest = json.loads(_read(layout, json.load(file)["manifests"][0]))
    layers = [gzip.decompress(_read(layout, layer)) for layer in manifest["layers"]]
    return json.loads(_read(layout, manifest["config"])), layers


def archive(layout, path, name, **changes):
    """Writes `docker save`'s format: the image as it is, but for what `changes` says about its config (Cmd=[...])."""
    config, layers = _first_image(layout)
    config["config"] = {**config["config"], **changes}
    data = json.dumps(config).encode()
    digest = hashlib.sha256(data).hexdigest()
    paths = [f"{number}/layer.tar" for number in range(len(layers))]
    manifest = [{"Config": f"{digest}.json", "RepoTags": [name], "Layers": paths}]
    files = [(f"{digest}.json", data), *zip(paths, layers), ("manifest.json", json.dumps(manifest).encode())]
    with tarfile.open(path, "w") as tar:
        for member, content in files:
            info = tarfile.TarInfo(member)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def busybox(layout, folder):
    """The image of the stories."""
    return archive(layout, f"{folder}/busybox.tar", IMAGE)


def pause(layout, folder):
    """What holds a pod's namespaces."""
    return archive(layout, f"{folder}/pause.tar", PAUSE, Entrypoint=["/bin/sleep", "1000000"], Cmd=None, StopSignal="SIGKILL")


def unpack(layout, root):
    """The image's files, in a folder."""
    for layer in _first_image(layout)[1]:
        with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
            tar.extractall(root)
