"""What the commands of the command line do, one module each: steps in, a printable result out.

Not here: arguments and terminal (`cli`), the steps themselves (the domain packages and `defs`).
"""
