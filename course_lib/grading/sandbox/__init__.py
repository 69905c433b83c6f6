"""The sandbox that a submission runs in, and the cold kernel that starts in it.

`tree` says what can be seen inside, `filter` which system calls are refused, `limits` what may be
used up, `privileges` how root's rights are given up first. `cold` starts a kernel under bubblewrap,
`inside` is the first process there; `levels` finds out what this host can do. Warm forks build the
same from the same parts. Linux only at run time; it can be imported anywhere.
"""
