"""Names and tables of TinyPacking: cells, things, codes, actions, and what an observation's numbers stand for."""

from __future__ import annotations

import torch
from torch import Tensor

WIDTH, HEIGHT = 9, 7  # cells; a cell's number is row * WIDTH + column, row 0 at the bottom
CELLS = WIDTH * HEIGHT
WALL_COLUMN = 4  # between the two rooms; the door is the one gap in it

THINGS = ("key", "ball", "box", "cup")
OBJECTS = THINGS[1:]
PLACES = (*THINGS, "bag", "door")  # what an observation tells the way to, in this order
KEY, BAG_PLACE, DOOR_PLACE = 0, 4, 5

ACTIONS = ("up", "down", "left", "right", "pick", "put", "open")
UP, DOWN, LEFT, RIGHT, PICK, PUT, OPEN = range(7)
MOVES = ((1, 0), (-1, 0), (0, -1), (0, 1))  # (row, column)

# Where a thing is: a cell's number, or one of these codes.
HELD, NOWHERE, IN_BAG = CELLS, CELLS + 1, CELLS + 2  # IN_BAG: packed first; + 1: second; + 2: third
CODES = IN_BAG + len(OBJECTS)

# Columns of a state.
AGENT, DOOR_ROW, OPENED, BAG, FIRST_THING = range(5)
STATE_DIM = FIRST_THING + len(THINGS)

TOKENS = ("lies", "here", "same room", "left", "right", "down", "up", "columns", "rows")  # of each place
FLAGS = ("held", "packed first", "packed second", "packed third")  # of each thing
PLACES_END = len(PLACES) * len(TOKENS)
FLAGS_END = PLACES_END + len(THINGS) * len(FLAGS)
OPENED_AT = FLAGS_END
OBSERVATION_DIM = FLAGS_END + 1 + len(MOVES)  # the last four: moves that no wall stops


def rows_and_columns() -> tuple[Tensor, Tensor]:
    """Row and column (CELLS,) of each cell."""
    cells = torch.arange(CELLS)
    return cells // WIDTH, cells % WIDTH


def offset_table() -> Tensor:
    """(CELLS, CODES, tokens): how a place, by its code, looks from a cell. Zeros where it lies nowhere."""
    row, column = rows_and_columns()
    rows, columns = row - row[:, None], column - column[:, None]  # (CELLS, CELLS): [from, to]
    side = (column - WALL_COLUMN).sign()
    same = side * side[:, None] >= 0  # the doorway belongs to both rooms
    here = (rows == 0) & (columns == 0)
    signs = [same | True, here, same, columns < 0, columns > 0, rows < 0, rows > 0]
    scaled = [columns / (WIDTH - 1), rows / (HEIGHT - 1)]
    tokens = torch.stack([*(sign.float() for sign in signs), *scaled], -1)
    return torch.cat([tokens, tokens.new_zeros(CELLS, CODES - CELLS, len(TOKENS))], 1)


def flag_table() -> Tensor:
    """(CODES, flags): in the hand, or first, second, third in the bag."""
    table = torch.zeros(CODES, len(FLAGS))
    table[HELD, 0] = 1.0
    for place in range(len(OBJECTS)):
        table[IN_BAG + place, 1 + place] = 1.0
    return table


def move_table() -> Tensor:
    """(HEIGHT, 2, CELLS, actions): the cell after each action, by the door's row and whether it is open."""
    row, column = rows_and_columns()
    table = torch.arange(CELLS).expand(HEIGHT, 2, CELLS).unsqueeze(-1).repeat(1, 1, 1, len(ACTIONS))
    for action, (up, right) in enumerate(MOVES):
        rows, columns = row + up, column + right
        inside = (rows >= 0) & (rows < HEIGHT) & (columns >= 0) & (columns < WIDTH)
        for door_row in range(HEIGHT):
            for opened in (0, 1):
                wall = (columns == WALL_COLUMN) & ((rows != door_row) | (opened == 0))
                onto = torch.where(inside & ~wall, rows * WIDTH + columns, torch.arange(CELLS))
                table[door_row, opened, :, action] = onto
    return table


def distance_table() -> Tensor:
    """(HEIGHT, CELLS, CELLS): steps from cell to cell, the door open, by its row. Through the door between rooms."""
    row, column = rows_and_columns()
    side = (column - WALL_COLUMN).sign()
    same = side * side[:, None] >= 0
    straight = (row - row[:, None]).abs() + (column - column[:, None]).abs()
    table = []
    for door_row in range(HEIGHT):
        to_door = straight[door_row * WIDTH + WALL_COLUMN]  # (CELLS,)
        table.append(torch.where(same, straight, to_door + to_door[:, None]))
    return torch.stack(table)
