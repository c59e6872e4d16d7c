"""An image with Apache ZooKeeper from Maven and a small Java runtime made of this machine's JDK: no registry is needed."""
import pathlib
import re
import shutil
import subprocess
import tempfile

from case import REAL_ZOOKEEPER
from engine import run

HERE = pathlib.Path(__file__).resolve().parent
MODULES = "java.base,java.logging,java.management,java.naming,java.security.jgss,java.security.sasl,java.xml,jdk.security.auth,jdk.management,jdk.unsupported"
MAIN = "org.apache.zookeeper.server.ZooKeeperServerMain"
CONFIG = "tickTime=2000\ndataDir=/data\nclientPort=2181\n4lw.commands.whitelist=*\nadmin.enableServer=false\n"


def build():
    """Makes the image unless it is there."""
    if run("docker", "image", "inspect", REAL_ZOOKEEPER, check=False).returncode == 0:
        return
    run("mvn", "-q", "-B", "-f", str(HERE / "zookeeper" / "pom.xml"), "dependency:copy-dependencies", limit=300)
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder) / "root"
        root.mkdir()
        run("jlink", "--add-modules", MODULES, "--strip-debug", "--no-man-pages", "--no-header-files", "--output", str(root / "java"), limit=300)
        shutil.copytree(HERE / "zookeeper" / "target" / "dependency", root / "jars")
        for name in ("data", "tmp", "conf"):
            (root / name).mkdir()
        (root / "conf" / "zoo.cfg").write_text(CONFIG)
        copy_libraries(root)
        import_image(root)


def copy_libraries(root):
    """The shared libraries that the runtime is linked with, where it looks for them."""
    programs = [root / "java/bin/java", *(root / "java/lib").glob("*.so"), root / "java/lib/server/libjvm.so"]
    found = set()
    for program in programs:
        found |= set(re.findall(r"(/\S+\.so[.\d]*) \(", run("ldd", str(program), check=False).stdout))
    for library in found:
        if str(root) not in library:
            target = root / library.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, target)


def import_image(root):
    command = f'CMD ["/java/bin/java", "-Xmx128m", "-cp", "/jars/*", "{MAIN}", "/conf/zoo.cfg"]'
    tar = subprocess.Popen(["tar", "-C", str(root), "--owner=0", "--group=0", "-c", "."], stdout=subprocess.PIPE)
    subprocess.run(["docker", "import", "--change", command, "-", REAL_ZOOKEEPER], stdin=tar.stdout, check=True, capture_output=True)
    if tar.wait() != 0:
        raise RuntimeError("tar failed")
