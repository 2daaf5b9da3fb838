/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a plan refuses, and with which words: each row is a document that can be read and cannot be meant. */
#include "tests/unit/spec/plan_case.h"

/* clang-format off */
static const struct plan_case rows[] = {
	/* the document */
	{.version = "2.0.0", .words = "ociVersion: '2.0.0' is not supported"},
	{.version = "0.9.0", .words = "ociVersion: '0.9.0' is not supported"},
	{.version = "1", .words = "ociVersion: '1' is no version"},
	{.version = "1.0", .words = "ociVersion: '1.0' is no version"},
	{.version = "1.0.0x", .words = "ociVersion: '1.0.0x' is no version"},
	{.version = "", .words = "ociVersion: '' is no version"},
	{.version = "1.0.99999999999999999999", .words = "is no version"},

	/* namespaces */
	{.namespaces = "", .words = "in the runtime's mount and pid namespaces a program could leave its root"},
	{.namespaces = JOIN_MOUNTS, .host = OWN_MOUNTS, .words = "in the runtime's mount and pid namespaces"},
	{.namespaces = "{'type':'pid'}", .process = PROCESS("'capabilities':{'bounding':['CAP_SYS_ADMIN']}"),
	 .words = "a program with CAP_SYS_ADMIN could leave its root"},
	{.namespaces = "{'type':'pid'}",
	 .process = PROCESS("'capabilities':{'ambient':['CAP_SYS_ADMIN'],'permitted':['CAP_SYS_ADMIN'],"
	 "'inheritable':['CAP_SYS_ADMIN']}"),
	 .words = "a program with CAP_SYS_ADMIN could leave its root"},
	{.namespaces = JOIN_MOUNTS KIND("pid"), .host = OWN_MOUNTS,
	 .process = PROCESS("'capabilities':{'permitted':['CAP_SYS_ADMIN']}"),
	 .words = "a program with CAP_SYS_ADMIN could leave its root"},
	{.namespaces = JOIN_MOUNTS, .host = NO_MOUNTS, .words = "linux.namespaces: mount namespace '/m': gone"},
	{.namespaces = JOIN_MOUNTS, .host = FOREIGN_MOUNTS,
	 .words = "belongs to a user namespace in which the container has no rights"},
	{.namespaces = JOIN_MOUNTS KIND("user"), .linux_ = MAPPED,
	 .words = "a new user namespace has no right to join the mount namespace '/m'"},
	{.namespaces = JOIN_MOUNTS, .linux_ = "'rootfsPropagation':'rshared'",
	 .words = "linux.rootfsPropagation: 'rshared' means nothing"},
	{.namespaces = JOIN_MOUNTS, .host = LSM, .process = PROCESS("'apparmorProfile':'p'"),
	 .words = "process.apparmorProfile: 'p': its paths mean nothing without a new mount namespace"},
	{.namespaces = JOIN_MOUNTS, .linux_ = "'rootfsPropagation':'slave'",
	 .words = "linux.rootfsPropagation: 'slave' means nothing"},
	{.namespaces = JOIN_MOUNTS, .linux_ = "'rootfsPropagation':'unbindable'",
	 .words = "linux.rootfsPropagation: 'unbindable' means"},
	{.namespaces = JOIN_MOUNTS,
	 .mounts = "{'destination':'/a','type':'tmpfs'},{'destination':'/b','source':'/b','options':['bind','rslave']}",
	 .words = "mounts[1].options: shared, slave or unbindable means nothing"},
	{.namespaces = OWN(KIND("net")), .words = "linux.namespaces[1].type: 'net' is no kind of namespace"},
	{.namespaces = OWN(KIND("")), .words = "linux.namespaces[1].type: '' is no kind"},
	{.namespaces = OWN(KIND("PID")), .words = "linux.namespaces[1].type: 'PID' is no kind"},
	{.namespaces = OWN(KIND("pid") KIND("pid")), .words = "linux.namespaces[2]: the pid namespace is there twice"},
	{.namespaces = OWN(",{'type':'pid','path':'ns'}"),
	 .words = "linux.namespaces[1].path: 'ns' is no absolute path"},
	{.host = NO_USER_NS, .namespaces = WITH_USER, .linux_ = MAPPED, .words = "this kernel has no user namespaces"},
	{.host = NO_TIME_NS, .namespaces = OWN(KIND("time")), .words = "this kernel has no time namespaces"},
	{.host = NO_CGROUP_NS, .namespaces = OWN(KIND("cgroup")), .words = "this kernel has no cgroup namespaces"},
	{.host = ROOTLESS, .words = "an unprivileged caller needs a user namespace"},

	/* ids */
	{.linux_ = "'uidMappings':" RANGE, .words = "linux.uidMappings: needs a user namespace"},
	{.linux_ = "'gidMappings':" RANGE, .words = "linux.gidMappings: needs a user namespace"},
	{.namespaces = WITH_USER, .words = "a new user namespace needs mappings"},
	{.namespaces = WITH_USER, .linux_ = "'uidMappings':" RANGE, .words = "linux.gidMappings: missing"},
	{.namespaces = WITH_USER, .linux_ = "'gidMappings':" RANGE, .words = "linux.uidMappings: missing"},
	{.namespaces = WITH_USER,
	 .linux_ = "'gidMappings':" RANGE ",'uidMappings':[{'containerID':0,'hostID':0,'size':0}]",
	 .words = "linux.uidMappings and gidMappings"},
	{.namespaces = WITH_USER,
	 .linux_ = "'gidMappings':" RANGE ",'uidMappings':[{'containerID':4294967295,'hostID':0,'size':2}]",
	 .words = "linux.uidMappings and gidMappings"},
	{.namespaces = WITH_USER,
	 .linux_ = "'gidMappings':" RANGE ",'uidMappings':[{'containerID':0,'hostID':0,'size':5},{'containerID':4,"
	 "'hostID':10,'size':5}]", .words = "linux.uidMappings and gidMappings"},

	/* names, clocks, sysctls */
	{.namespaces = OWN(""), .more = "'hostname':'x'", .words = "hostname: needs a uts namespace"},
	{.namespaces = OWN(""), .more = "'domainname':'x'", .words = "domainname: needs a uts namespace"},
	{.more = "'hostname':'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'",
	 .words = "hostname: longer than 64"},
	{.linux_ = "'timeOffsets':{'boottime':{'secs':1}}",
	 .words = "linux.timeOffsets.boottime: needs a new time namespace"},
	{.namespaces = OWN(",{'type':'time','path':'/t'}"), .linux_ = "'timeOffsets':{'monotonic':{'secs':1}}",
	 .words = "linux.timeOffsets.monotonic: needs a new time namespace"},
	{.namespaces = OWN(KIND("time")), .linux_ = "'timeOffsets':{'boottime':{'nanosecs':1000000000}}",
	 .words = "linux.timeOffsets.boottime.nanosecs: 1000000000 is a second or more"},
	{.namespaces = OWN(""), .linux_ = "'sysctl':{'net.ipv4.ip_forward':'1'}", .words = "linux.sysctl"},
	{.namespaces = OWN(""), .linux_ = "'sysctl':{'kernel.shmmax':'1'}", .words = "linux.sysctl"},
	{.namespaces = OWN(""), .linux_ = "'sysctl':{'fs.mqueue.msg_max':'1'}", .words = "linux.sysctl"},
	{.linux_ = "'sysctl':{'vm.swappiness':'1'}", .words = "linux.sysctl"},
	{.linux_ = "'sysctl':{'kernel.core_pattern':'|/x'}", .words = "linux.sysctl"},
	{.linux_ = "'sysctl':{'net/../kernel/core_pattern':'1'}", .words = "linux.sysctl"},
	{.linux_ = "'sysctl':{'':'1'}", .words = "linux.sysctl"},
	{.more = "'hostname':'a'", .linux_ = "'sysctl':{'kernel.hostname':'b'}",
	 .words = "linux.sysctl: 'kernel.hostname' is 'b', which contradicts hostname: 'a'"},
	{.more = "'hostname':'a'", .linux_ = "'sysctl':{'kernel/hostname':'b'}", .words = "contradicts hostname: 'a'"},
	{.more = "'domainname':'a'", .linux_ = "'sysctl':{'kernel.domainname':'b'}",
	 .words = "linux.sysctl: 'kernel.domainname' is 'b', which contradicts domainname: 'a'"},
	{.more = "'domainname':'a'", .linux_ = "'sysctl':{'kernel/domainname':'b'}",
	 .words = "contradicts domainname: 'a'"},
	{.linux_ = "'sysctl':{'kernel.domainname':'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'}",
	 .words = "linux.sysctl: sysctl 'kernel.domainname': "
	 "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' is longer than 64 bytes"},
	{.linux_ = "'sysctl':{'kernel/hostname':'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'}",
	 .words = "is longer than 64 bytes"},
	{.linux_ = "'sysctl':{'kernel.domainname':'a\\nb'}", .words = "'kernel.domainname': more than one line"},
	{.linux_ = "'sysctl':{'net.core.somaxconn':''}",
	 .words = "linux.sysctl: sysctl 'net.core.somaxconn': the value is empty"},
	{.more = "'domainname':'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'",
	 .words = "domainname: longer than 64"},

	/* cgroup */
	{.linux_ = "'cgroupsPath':'a.slice:b:c'", .words = "is for the systemd driver"},
	{.host = SYSTEMD, .linux_ = "'cgroupsPath':'/a/b'", .words = "the systemd driver wants \"slice:prefix:name\""},
	{.linux_ = "'resources':{'memory':{'useHierarchy':false}}", .words = "memory.useHierarchy: false"},
	{.linux_ = "'resources':{'memory':{'swappiness':9223372036854775808}}",
	 .words = "linux.resources.memory.swappiness: 9223372036854775808"},
	{.linux_ = "'resources':{'cpu':{'shares':18446744073709551615}}", .words = "linux.resources.cpu.shares"},
	{.linux_ = "'resources':{'cpu':{'period':18446744073709551615}}", .words = "linux.resources.cpu.period"},
	{.linux_ = "'resources':{'cpu':{'burst':18446744073709551615}}", .words = "linux.resources.cpu.burst"},
	{.linux_ = "'resources':{'cpu':{'realtimePeriod':18446744073709551615}}",
	 .words = "linux.resources.cpu.realtimePeriod"},
	{.linux_ = "'resources':{'hugepageLimits':[{'pageSize':'64kB','limit':1}]}",
	 .words = "hugepageLimits[0].pageSize: '64kB'"},
	{.linux_ = "'resources':{'hugepageLimits':[{'pageSize':'MB','limit':1}]}", .words = "pageSize: 'MB'"},
	{.linux_ = "'resources':{'hugepageLimits':[{'pageSize':'02MB','limit':1}]}", .words = "pageSize: '02MB'"},
	{.linux_ = "'resources':{'hugepageLimits':[{'pageSize':'2MB/../x','limit':1}]}",
	 .words = "pageSize: '2MB/../x'"},
	{.linux_ = "'resources':{'devices':[{'allow':true,'type':'x'}]}",
	 .words = "linux.resources.devices[0].type: 'x'"},
	{.linux_ = "'resources':{'devices':[{'allow':true,'type':'cc'}]}",
	 .words = "linux.resources.devices[0].type: 'cc'"},
	{.linux_ = "'resources':{'devices':[{'allow':true,'access':'rwx'}]}",
	 .words = "linux.resources.devices[0].access: 'rwx'"},
	{.linux_ = "'resources':{'devices':[{'allow':true,'major':-2}]}", .words = "device number -2 is out of range"},
	{.linux_ = "'resources':{'devices':[{'allow':true,'minor':4294967296}]}",
	 .words = "device number 4294967296 is out of range"},

	/* what hull does not do */
	{.linux_ = "'intelRdt':{'closID':'x'}", .words = "linux.intelRdt"},

	/* interfaces of the host */
	{.namespaces = OWN(""), .linux_ = "'netDevices':{'eth0':{}}",
	 .words = "linux.netDevices: needs a network namespace in linux.namespaces: 'eth0'"},
	{.host = ROOTLESS, .namespaces = WITH_USER, .linux_ = MAPPED ",'netDevices':{'eth0':{}}",
	 .words = "linux.netDevices: an unprivileged caller"},
	{.linux_ = "'netDevices':{'':{}}", .words = "linux.netDevices: the name of the interface is empty"},
	{.linux_ = "'netDevices':{'lo':{}}", .words = "linux.netDevices: 'lo' is in every network namespace"},
	{.linux_ = "'netDevices':{'a':{'name':'lo'}}", .words = "linux.netDevices: 'lo' is in every network namespace"},
	{.linux_ = "'netDevices':{'a':{'name':'sixteencharacter'}}",
	 .words = "linux.netDevices: 'sixteencharacter' is longer"},
	{.linux_ = "'netDevices':{'a':{'name':'a/b'}}", .words = "linux.netDevices: 'a/b' is no name"},
	{.linux_ = "'netDevices':{'..':{'name':'a'}}", .words = "linux.netDevices: '..' is no name"},
	{.linux_ = "'netDevices':{'a':{'name':'a b'}}", .words = "linux.netDevices: 'a b' is no name"},
	{.linux_ = "'netDevices':{'a':{'name':'e%s'}}", .words = "linux.netDevices: 'e%s': a name may have one %d"},
	{.linux_ = "'netDevices':{'a':{'name':'e%d%d'}}", .words = "linux.netDevices: 'e%d%d': a name may have one %d"},
	{.linux_ = "'netDevices':{'a':{'name':'x'},'b':{'name':'x'}}",
	 .words = "linux.netDevices: two interfaces are to be 'x'"},
	{.linux_ = "'netDevices':{'a':{},'b':{'name':'a'}}", .words = "linux.netDevices: two interfaces are to be 'a'"},

	/* root */
	{.root = "", .words = "root: the member is missing"},
	{.root = "'path':''", .words = "root.path: the path is empty"},
	{.linux_ = "'rootfsPropagation':'both'", .words = "linux.rootfsPropagation: 'both'"},
	{.linux_ = "'maskedPaths':['proc/kcore']", .words = "linux.maskedPaths: 'proc/kcore' is no absolute path"},
	{.linux_ = "'maskedPaths':['']", .words = "linux.maskedPaths: the path is empty"},
	{.linux_ = "'readonlyPaths':['/a','b']", .words = "linux.readonlyPaths: 'b' is no absolute path"},
	{.linux_ = "'mountLabel':'system_u:object_r:x_t:s0'", .words = "linux.mountLabel: SELinux is not enabled"},

	/* devices */
	{.linux_ = "'devices':[{'type':'x','path':'/dev/a','major':1,'minor':1}]",
	 .words = "linux.devices[0].type: 'x'"},
	{.linux_ = "'devices':[{'type':'','path':'/dev/a','major':1,'minor':1}]", .words = "linux.devices[0].type: ''"},
	{.linux_ = "'devices':[{'type':'c','path':'dev/a','major':1,'minor':1}]",
	 .words = "linux.devices[0].path: 'dev/a'"},
	{.linux_ = "'devices':[{'type':'c','path':'/dev/../../a','major':1,'minor':1}]",
	 .words = "linux.devices[0].path"},
	{.linux_ = "'devices':[{'type':'c','path':'/','major':1,'minor':1}]", .words = "linux.devices[0].path: '/'"},
	{.linux_ = "'devices':[{'type':'c','path':'/dev/a','major':1}]", .words = "'/dev/a' needs major and minor"},
	{.linux_ = "'devices':[{'type':'b','path':'/dev/a','major':4096,'minor':0}]",
	 .words = "4096:0 is no device number"},
	{.linux_ = "'devices':[{'type':'b','path':'/dev/a','major':1,'minor':-1}]",
	 .words = "1:-1 is no device number"},
	{.linux_ = "'devices':[{'type':'p','path':'/dev/a','fileMode':131072}]",
	 .words = "fileMode: 131072 is no mode"},
	{.linux_ = "'devices':[{'type':'p','path':'/dev/a'},{'type':'p','path':'/dev/a'}]",
	 .words = "'/dev/a' is there twice"},
	{.namespaces = WITH_USER, .linux_ = MAPPED ",'devices':[{'type':'p','path':'/dev/a','uid':65536}]",
	 .words = "the owner 65536:0 is not in the id mappings"},

	/* mounts */
	{.mounts = "{'destination':'','type':'tmpfs'}", .words = "mounts[0].destination: the path is empty"},
	{.mounts = "{'destination':'/','type':'tmpfs'}", .words = "mounts[0].destination: a mount over '/'"},
	{.mounts = "{'destination':'/a/..//./','type':'tmpfs'}", .words = "mounts[0].destination: a mount over '/'"},
	{.mounts = "{'destination':'/a'}", .words = "mounts[0].type: missing"},
	{.mounts = "{'destination':'/a','type':'bind'}", .words = "mounts[0].source: a bind mount needs one"},
	{.mounts = "{'destination':'/a','source':'','options':['rbind']}",
	 .words = "mounts[0].source: a bind mount needs one"},
	{.mounts = "{'destination':'/a','type':'tmpfs','options':['']}", .words = "mounts[0].options"},
	{.mounts = "{'destination':'/a','type':'tmpfs','options':['idmap']}", .words = "mounts[0].options"},
	{.mounts = "{'destination':'/a','source':'/b','options':['bind','size=3']}", .words = "mounts[0].options"},
	{.mounts = "{'destination':'/a','source':'/b','options':['bind','idmap']}",
	 .words = "'idmap' needs mappings, or a user namespace"},
	{.mounts = "{'destination':'/a','source':'/b','options':['bind'],'uidMappings':" RANGE "}",
	 .words = "mounts[0]: uidMappings and gidMappings go together"},
	{.mounts = "{'destination':'/a','type':'tmpfs'," MAPPED "}",
	 .words = "mounts[0]: ids are mapped for bind mounts only"},
	{.mounts = "{'destination':'/a','source':'/b','options':['bind'],'gidMappings':" RANGE ","
	 "'uidMappings':[{'containerID':0,'hostID':0,'size':0}]}", .words = "mounts[0]"},
	{.host = NO_IDMAP, .mounts = "{'destination':'/a','source':'/b','options':['bind']," MAPPED "}",
	 .words = "mounts[0]: this kernel has no id-mapped mounts"},
	{.namespaces = OWN(KIND("user")), .linux_ = MAPPED, .mounts = "{'destination':'/proc','type':'proc'}",
	 .words = "the host's pid namespace, proc cannot be mounted afresh"},
	{.namespaces = OWN(KIND("user") KIND("pid")), .linux_ = MAPPED,
	 .mounts = "{'destination':'/sys','type':'sysfs'}",
	 .words = "the host's network namespace, sysfs cannot be mounted afresh"},
	{.namespaces = OWN(KIND("user") KIND("pid")), .linux_ = MAPPED,
	 .mounts = "{'destination':'/dev/mqueue','type':'mqueue'}",
	 .words = "the host's ipc namespace, mqueue cannot be mounted afresh"},

	/* what needs /proc */
	{.linux_ = "'sysctl':{'net.ipv4.ip_forward':'1'}", .words = "linux.sysctl: needs a mount on '/proc'"},

	/* process */
	{.process = "'cwd':'/'", .words = "process.args: nothing to run"},
	{.process = "'cwd':'/','args':[]", .words = "process.args: nothing to run"},
	{.process = "'cwd':'/','args':['']", .words = "process.args[0]: the name of the program is empty"},
	{.process = "'cwd':'','args':['a']", .words = "process.cwd: the path is empty"},
	{.process = "'cwd':'a','args':['a']", .words = "process.cwd: 'a' is no absolute path"},
	{.process = PROCESS("'terminal':true,'consoleSize':{'height':65536,'width':1}"),
	 .words = "process.consoleSize"},
	{.process = PROCESS("'user':{'uid':4294967295,'gid':0}"), .words = "process.user.uid: 4294967295 is no id"},
	{.process = PROCESS("'user':{'uid':0,'gid':4294967295}"), .words = "process.user.gid: 4294967295 is no id"},
	{.process = PROCESS("'user':{'uid':0,'gid':0,'additionalGids':[4294967295]}"),
	 .words = "process.user.additionalGids: 4294967295"},
	{.process = PROCESS("'user':{'uid':0,'gid':0,'umask':512}"), .words = "process.user.umask: 512 is no umask"},
	{.namespaces = WITH_USER, .linux_ = MAPPED, .process = PROCESS("'user':{'uid':65536,'gid':0}"),
	 .words = "process.user.uid: 65536 is not in linux.uidMappings"},
	{.namespaces = WITH_USER, .linux_ = MAPPED, .process = PROCESS("'user':{'uid':0,'gid':65536}"),
	 .words = "process.user.gid: 65536 is not in linux.gidMappings"},
	{.namespaces = WITH_USER, .linux_ = MAPPED,
	 .process = PROCESS("'user':{'uid':0,'gid':0,'additionalGids':[1,70000]}"),
	 .words = "process.user.additionalGids: 70000 is not in linux.gidMappings"},
	{.host = ROOTLESS, .namespaces = WITH_USER,
	 .linux_ = "'uidMappings':[{'containerID':0,'hostID':1000,'size':1}],'gidMappings':[{'containerID':0,"
	 "'hostID':1000,'size':1}]", .process = PROCESS("'user':{'uid':0,'gid':0,'additionalGids':[0]}"),
	 .words = "maps only its own group cannot set groups"},
	{.process = PROCESS("'rlimits':[{'type':'RLIMIT_FOO','soft':1,'hard':1}]"),
	 .words = "process.rlimits[0].type: 'RLIMIT_FOO'"},
	{.process = PROCESS("'rlimits':[{'type':'nofile','soft':1,'hard':1}]"),
	 .words = "process.rlimits[0].type: 'nofile'"},
	{.process = PROCESS("'rlimits':[{'type':'RLIMIT_NOFILE','soft':2,'hard':1}]"),
	 .words = "soft 2 is above hard 1"},
	{.process = PROCESS("'rlimits':[{'type':'RLIMIT_CPU','soft':1,'hard':1},{'type':'RLIMIT_CPU','soft':1,"
	 "'hard':1}]"), .words = "process.rlimits[1]: RLIMIT_CPU is there twice"},
	{.process = PROCESS("'oomScoreAdj':1001"), .words = "process.oomScoreAdj: 1001"},
	{.process = PROCESS("'oomScoreAdj':-4294967296"), .words = "process.oomScoreAdj: -4294967296"},
	{.process = PROCESS("'scheduler':{'policy':'SCHED_FAST'}"), .words = "process.scheduler.policy: 'SCHED_FAST'"},
	{.process = PROCESS("'scheduler':{'policy':'SCHED_OTHER','flags':['X']}"),
	 .words = "process.scheduler.flags[0]: 'X'"},
	{.process = PROCESS("'scheduler':{'policy':'SCHED_OTHER','nice':20}"), .words = "process.scheduler: nice 20 "},
	{.process = PROCESS("'scheduler':{'policy':'SCHED_FIFO','priority':100}"),
	 .words = "process.scheduler: priority 100"},
	{.process = PROCESS("'ioPriority':{'class':'IOPRIO_CLASS_X'}"),
	 .words = "process.ioPriority.class: 'IOPRIO_CLASS_X'"},
	{.process = PROCESS("'ioPriority':{'class':'IOPRIO_CLASS_BE','priority':8}"),
	 .words = "process.ioPriority: class 2, level 8"},
	{.process = PROCESS("'execCPUAffinity':{'initial':'a'}"), .words = "process.execCPUAffinity.initial: 'a'"},
	{.process = PROCESS("'execCPUAffinity':{'final':'3-1'}"), .words = "process.execCPUAffinity.final: '3-1'"},
	{.process = PROCESS("'execCPUAffinity':{'final':'99999999'}"), .words = "process.execCPUAffinity.final"},
	{.process = PROCESS("'apparmorProfile':'x'"), .words = "process.apparmorProfile: 'x': AppArmor is not enabled"},
	{.process = PROCESS("'selinuxLabel':'x'"), .words = "process.selinuxLabel: 'x': SELinux is not enabled"},
	{.linux_ = "'personality':{'domain':'BSD'}", .words = "linux.personality.domain: 'BSD'"},
	{.linux_ = "'personality':{'domain':'LINUX','flags':['X']}", .words = "linux.personality.flags: 'X'"},
	{.linux_ = "'memoryPolicy':{}", .words = "linux.memoryPolicy.mode: missing"},
	{.linux_ = "'memoryPolicy':{'mode':'MPOL_X'}", .words = "linux.memoryPolicy.mode: 'MPOL_X'"},
	{.linux_ = "'memoryPolicy':{'mode':'MPOL_BIND','nodes':'0','flags':['X']}",
	 .words = "linux.memoryPolicy.flags[0]: 'X'"},
	{.linux_ = "'memoryPolicy':{'mode':'MPOL_BIND','nodes':'x'}", .words = "linux.memoryPolicy: nodes 'x'"},

	/* seccomp */
	{.host = NO_SECCOMP, .linux_ = "'seccomp':{'defaultAction':'SCMP_ACT_ALLOW'}",
	 .words = "this kernel has no system call filters"},
	{.linux_ = "'seccomp':{'defaultAction':'ALLOW'}", .words = "linux.seccomp.defaultAction: 'ALLOW'"},
	{.linux_ = "'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','architectures':['SCMP_ARCH_VAX']}",
	 .words = "linux.seccomp.architectures[0]: 'SCMP_ARCH_VAX'"},
	{.linux_ = "'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','flags':['X']}",
	 .words = "linux.seccomp.flags[0]: 'X'"},
	{.linux_ = "'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':[],'action':'SCMP_ACT_LOG'}]}",
	 .words = "linux.seccomp.syscalls[0].names: empty"},
	{.linux_ = "'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['read'],'action':'X'}]}",
	 .words = "linux.seccomp.syscalls[0].action: 'X'"},
	{.linux_ = "'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['read'],"
	 "'action':'SCMP_ACT_ERRNO','args':[{'index':0,'value':1,'op':'X'}]}]}",
	 .words = "linux.seccomp.syscalls[0].args[0].op: 'X'"},
	{.linux_ = "'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['read'],"
	 "'action':'SCMP_ACT_ERRNO','args':[{'index':6,'value':1,'op':'SCMP_CMP_EQ'}]}]}", .words = "linux.seccomp"},
	{.linux_ = "'seccomp':{'defaultAction':'SCMP_ACT_NOTIFY'}", .words = "linux.seccomp"},
	{.linux_ = "'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','listenerPath':'sock'}",
	 .words = "linux.seccomp.listenerPath: 'sock'"},
	{.linux_ = "'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['mkdir'],"
	 "'action':'SCMP_ACT_NOTIFY'}]}", .words = "linux.seccomp"},

	/* hooks */
	{.more = "'hooks':{'prestart':[{'path':'hook'}]}",
	 .words = "hooks.prestart[0].path: 'hook' is no absolute path"},
	{.more = "'hooks':{'poststop':[{'path':'/a'},{'path':''}]}",
	 .words = "hooks.poststop[1].path: the path is empty"},
	{.more = "'hooks':{'createRuntime':[{'path':'/a','timeout':0}]}",
	 .words = "hooks.createRuntime[0].timeout: 0 seconds"},
	{.more = "'hooks':{'createContainer':[{'path':'/a','timeout':-1}]}",
	 .words = "hooks.createContainer[0].timeout: -1 seconds"},
	{.more = "'hooks':{'startContainer':[{'path':'/a','timeout':9223372036854775807}]}",
	 .words = "hooks.startContainer[0].timeout"},

	/* hull.json */
	{.process = "", .extension = NET("'mode':'none'"), .words = "process: the member is missing"},
	{.extension = NET("'mode':'none'") ",'root':{'lowers':['l']}",
	 .words = "hull.json: root.lowers: 'l' is no absolute path"},
	{.extension = NET("'mode':'none'") ",'root':{'lowers':['/l'],'upper':'/u'}",
	 .words = "upper and work go together"},
	{.extension = NET("'mode':'none'") ",'root':{'lowers':['/l'],'upper':'u','work':'/w'}",
	 .words = "root.upper: 'u'"},
	{.extension = NET("'mode':'none'") ",'root':{'upper':'/u','work':'/w'}", .words = "an upper without lowers"},
	{.namespaces = WITH_USER, .linux_ = MAPPED,
	 .extension = NET("'mode':'none'") ",'idRange':{'base':1,'size':65536}",
	 .words = "idRange is not what config.json's linux.uidMappings says"},
	{.extension = NET("'mode':'none'") ",'idRange':{'base':1,'size':65536}", .words = "idRange is not what"},
	{.extension = NET("'mode':'host'"), .words = "network.mode: 'host' needs the host's network namespace"},
	{.namespaces = OWN(""), .extension = NET("'mode':'bridge'"),
	 .words = "network.mode: 'bridge' needs a network namespace of its own"},
	{.namespaces = OWN(""), .extension = NET("'mode':'none'"),
	 .words = "network.mode: 'none' needs a network namespace of its own"},
	{.extension = NET("'mode':'container','container':'x'"),
	 .words = "'container' needs another container's network namespace"},
	{.extension = NET("'mode':'none','ports':[{'hostPort':1,'containerPort':1,'protocol':'tcp'}]"),
	 .words = "with network 'none' no port can be published"},
	{.extension = NET("'mode':'none','ip':'10.0.0.1'"), .words = "ip, mac and name are for a bridge"},
	{.extension = NET("'mode':'none','container':'x'"), .words = "network.container: goes with mode 'container'"},
	{.extension = NET("'mode':'bridge','ports':[{'hostIP':'x','hostPort':1,'containerPort':1,'protocol':'tcp'}]"),
	 .words = "hull.json: network.ports[0].hostIP"},
	{.extension = NET("'mode':'bridge','ports':[{'hostIP':'::1','hostPort':1,'containerPort':1,'protocol':'tcp'}]"),
	 .words = "hull.json: network.ports[0].hostIP"},
	{.extension = NET("'mode':'bridge','ports':[{'hostPort':0,'containerPort':1,'protocol':'tcp'}]"),
	 .words = "network"},
	{.extension = NET("'mode':'bridge','ports':[{'hostPort':1,'containerPort':1,'protocol':'tcp'},{'hostPort':1,"
	 "'containerPort':2,'protocol':'tcp'}]"), .words = "network"},
	{.extension = NET("'mode':'bridge','mac':'zz'"), .words = "network"},
	{.extension = NET("'mode':'bridge','dns':['1.1.1.1\\nsearch x']"), .words = "hull.json: network.dns[0]"},
	{.extension = NET("'mode':'bridge','dnsSearch':['a b']"), .words = "hull.json: network.dnsSearch[0]"},
	{.extension = NET("'mode':'bridge','dnsOptions':['a\\nb']"), .words = "hull.json: network.dnsOptions[0]"},
	{.extension = NET("'mode':'bridge','addHosts':['a:1.1.1.1','b']"), .words = "hull.json: network.addHosts[1]"},
	{.extension = NET("'mode':'none','addHosts':['a:host-gateway']"), .words = "hull.json: network.addHosts[0]"},
	{.extension = NET("'mode':'none','files':{'hosts':'h'}"),
	 .words = "hull.json: network.files: 'h' is no absolute path"},
	{.extension = NET("'mode':'none'") ",'joins':[{'type':'ipx','container':'x'}]",
	 .words = "joins[0].type: 'ipx'"},
	{.namespaces = OWN(KIND("network")),
	 .extension = NET("'mode':'none'") ",'joins':[{'type':'ipc','container':'x'}]",
	 .words = "container 'x' does not run: its ipc namespace cannot be joined"},
	{.host = JOINABLE, .extension = NET("'mode':'none'") ",'joins':[{'type':'ipc','container':'x'}]",
	 .words = "joins[0]: the ipc namespace is there twice"},
	{.extension = NET("'mode':'none'") ",'volumes':[{'kind':'host','destination':'/a'}]",
	 .words = "volumes[0].source: want an absolute path"},
	{.extension = NET("'mode':'none'") ",'volumes':[{'kind':'host','source':'a','destination':'/a'}]",
	 .words = "volumes[0].source"},
	{.extension = NET("'mode':'none'") ",'volumes':[{'kind':'host','source':'/a','destination':'a'}]",
	 .words = "volumes[0].destination: 'a'"},
	{.extension = NET("'mode':'none'") ",'volumes':[{'kind':'host','source':'/a','destination':'/'}]",
	 .words = "a mount over '/'"},
	{.extension = NET("'mode':'none'") ",'volumes':[{'kind':'named','source':'/a','destination':'/a'}]",
	 .words = "volumes[0].name"},
	{.extension = NET("'mode':'none'") ",'volumes':[{'kind':'tmpfs','source':'/a','destination':'/a'}]",
	 .words = "a tmpfs has no source"},
	{.extension = NET("'mode':'none'") ",'volumes':[{'kind':'tmpfs','chown':true,'destination':'/a'}]",
	 .words = "a tmpfs has no source"},
	{.extension = NET("'mode':'none'") ",'volumes':[{'kind':'host','source':'/a','destination':'/a',"
	 "'options':['size=3']}]", .words = "hull.json: volumes[0]"},
	{.host = NO_IDMAP, .namespaces = OWN(KIND("user") KIND("network")), .linux_ = MAPPED,
	 .extension = NET("'mode':'none'") ",'volumes':[{'kind':'named','name':'v','source':'/a','destination':'/a',"
	 "'idmap':true}]", .words = "id-mapped mounts"},
	{.extension = NET("'mode':'none'") ",'stopSignal':'SIGFOO'", .words = "stopSignal: 'SIGFOO' is no signal"},
	{.extension = NET("'mode':'none'") ",'stopSignal':'0'", .words = "stopSignal: '0' is no signal"},
	{.extension = NET("'mode':'none'") ",'stopTimeout':-2", .words = "stopTimeout: -2 seconds"},
	{.extension = NET("'mode':'none'") ",'log':{'path':'log'}", .words = "hull.json: log.path: 'log'"},
	{.extension = NET("'mode':'none'") ",'restart':{'policy':'always','maxRetries':3}",
	 .words = "restart.maxRetries: goes with 'on-failure' only"},
	{.extension = NET("'mode':'none'") ",'restart':{'policy':'always'},'autoRemove':true",
	 .words = "'always' contradicts autoRemove"},
	{.extension = NET("'mode':'none'") ",'defaultSeccomp':true",
	 .linux_ = "'seccomp':{'defaultAction':'SCMP_ACT_ALLOW'}", .words = "defaultSeccomp contradicts"},
};
/* clang-format on */

static void test_every_refusal(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		struct plan plan;
		struct err err = ERR_INIT;
		int r = plan_case_make(&arena, &rows[i], &plan, &err);

		if (r >= 0)
			printf("# row %zu (%s) gives %d\n", i, rows[i].words, r);
		CHECK(r < 0 && err.code > 0);
		CHECK_HAS(err.msg, rows[i].words);
		CHECK(!strchr(err.msg, '\n'));
	}
	printf("# %zu rows\n", ARRAY_SIZE(rows));
}

/* The cgroups' own checks are asked, first for the path and then for the limits, and their answers kept. */
static int no_limit_at_all(const struct cg_request *request, struct err *err)
{
	CHECK_STR(request->path, "/hull/abc");
	return request->limits->pids_limit.set ? err_say(err, ENOTSUP, "not here") : 0;
}

static int no_such_place(const struct cg_request *request, struct err *err)
{
	(void)request;
	return err_say(err, EINVAL, "not there");
}

static void check_asking(int (*check)(const struct cg_request *request, struct err *err), int wanted, const char *words)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	static const char document[] = "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"linux\":{\"namespaces\":["
				       "{\"type\":\"mount\"}],\"resources\":{\"pids\":{\"limit\":1}}}}";
	struct plan_host host = plan_case_host(0);
	const struct config *config;
	struct plan plan;
	struct err err = ERR_INIT;

	host.check_cgroup = check;
	CHECK_INT(config_parse(&arena, document, strlen(document), "config.json", &config, NULL, &err), 0);
	CHECK_INT(plan_make(&arena, config, NULL, &host, &plan, &err), wanted);
	CHECK_STR(err.msg, words);
}

static void test_cgroups_are_asked(void)
{
	check_asking(no_limit_at_all, -ENOTSUP, "linux.resources: not here");
	check_asking(no_such_place, -EINVAL, "linux.cgroupsPath: not there");
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_every_refusal), TAP_CASE(test_cgroups_are_asked));
}
