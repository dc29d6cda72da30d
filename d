{"v":1,"ts":1.5,"run":"aa","pid":10,"level":"info","event":"connected","socket":"/tmp/passt_1.socket","msg":"m"}
{"v":1,"ts":1.5,"run":"aa","pid":10,"level":"info","event":"handed-over","fd":5,"action":"guarded","msg":"m"}
{"v":1,"ts":1.5,"run":"aa","pid":10,"level":"info","event":"program","exe":"/bin/sh","fd":5,"found":"intact","action":"observes","ppid":1,"msg":"m"}
{"v":1,"ts":1.5,"run":"aa","pid":10,"level":"info","event":"closed","exe":"/bin/sh","fd":5,"call":"close","caller":{"module":"/bin/sh","offset":5},"msg":"m"}
{"v":1,"ts":1.5,"run":"aa","pid":10,"level":"info","event":"program","exe":"/qemu","fd":5,"found":"nothing","action":"mends","ppid":1,"culprit":{"program":"sh","pid":10,"call":"close"},"well":{"program":"sh","pid":10},"msg":"m"}
{"v":1,"ts":1.5,"run":"aa","pid":10,"level":"info","event":"lost","exe":"/qemu","fd":5,"found":"nothing","errno":111,"culprit":{"program":"sh","pid":10,"call":"close"},"well":{"program":"sh","pid":10},"msg":"m"}